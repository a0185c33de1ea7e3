# The answers of step 3, as an editor would write them into params.yaml.
s|^  title: .*|  title: Early warning, branch office|
s|'TODO: who has which problem?'|some clients miss next month's payment, and the branch can call only a few before|
s|'TODO: who decides what, when.*|each month the branch's collections lead decides whom to call; the model ranks, a person calls|
s|'TODO: what does it mean that Defaulted is yes?'|the client did not make the payment due in October 2005|
s|sensitive_features: .*|sensitive_features: [sex, age, education]|
s|exclude: \[sex, age, |exclude: [sex, age, education, |
s|quasi_identifiers: .*|quasi_identifiers: [sex, age, education]|
s|'TODO: is there a pattern to learn?'|who was late goes on being late|
s|'TODO: is there data to learn it from.*|4,000 clients with their outcome, as they stood on the day of the call|
s|'TODO: what happens when the model is wrong?'|a needless call is cheap and can be undone|
s|'TODO: what simpler way was tried?'|the rule below, which is what the branch does today|
s|expression: months_late > 0.5|expression: months_late >= 2|
s|'TODO: what is done today?'|call whoever is two or more months late|
s|currency: points|currency: thousand NT$|
s|true_positive: .*|true_positive: -8.5|
s|false_positive: .*|false_positive: -3.0|
s|false_negative: .*|false_negative: -20.0|
s|'TODO: what does each outcome bring.*|the head office's estimate; a call costs 0.5 and saves 60 % of the loss|
s|at_least: 0.6, why: 'TODO.*|at_least: 0.7, why: below this the ranking is not worth a new process}|
s|'TODO: what is the model for?'|the monthly call list of the branch|
s|'TODO: what must it not be used for?'|granting or pricing credit|
s|# TODO: the four numbers.*|# in the currency of the costs|
s|decisions_per_year: 1000|decisions_per_year: 48000|
s|product: TODO|product: head of the branch|
s|model: TODO|model: data scientist of the branch|
s|data: TODO|data: card data steward|
s|risk: TODO|risk: model risk officer|
s|on_call: TODO|on_call: platform engineer on duty|
s|'TODO: what could go wrong?'|the oldest and the youngest clients are called more than others for no better reason|
s|'TODO: what is done about it?'|the fairness audit compares age groups; calls are sampled by hand each quarter|
s|- performance.criterion:.*|- "fairness.*"|
s|due: null|due: "2027-06-30"|
