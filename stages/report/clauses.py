"""What the EU AI Act (Annex IV) and the NIST AI RMF ask for, and what answers it here.

The clauses are told in a few words of our own; the text that counts is the original. What no
artefact can show is said openly: it needs a person.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clause:
    """A point that a framework asks for.

    Attributes:
        number: as the framework counts.
        asks: what it asks for, in short.
        checks: ids of verdicts that answer it; ``*`` stands for any text.
        files: names, in dvc.yaml, of files that answer it.
        person: what of it no artefact can show; empty where nothing is left.
    """

    number: str
    asks: str
    checks: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    person: str = ""


@dataclass(frozen=True)
class Framework:
    """A law or a standard: its name, where it stands, its clauses."""

    name: str
    source: str
    clauses: tuple[Clause, ...]


ANNEX_IV = (
    Clause(
        "1 (a)",
        "intended purpose, provider, version of the system",
        ("define.texts", "define.scope"),
        ("charter", "model_card"),
        "the provider's name, and how this version relates to earlier ones",
    ),
    Clause(
        "1 (b)",
        "how it works together with other hardware, software and AI systems",
        person="it is integrated by the one who deploys it",
    ),
    Clause(
        "1 (c)",
        "versions of the software, and what an update needs",
        ("privacy_security.dependencies",),
        person="firmware, and the rules for updates",
    ),
    Clause("1 (d)", "the forms in which it is placed on the market", person="how it is delivered"),
    Clause("1 (e)", "the hardware on which it is to run", person="the machine that serves it"),
    Clause(
        "1 (f)",
        "of a product's component: pictures of the product",
        person="only where it is part of a product",
    ),
    Clause("1 (g)", "the interface for the one who deploys it", person="the interface of the desk"),
    Clause(
        "1 (h)",
        "instructions for use",
        ("define.scope", "transparency.documented"),
        ("model_card",),
        "instructions in the words of those who use it",
    ),
    Clause(
        "2 (a)",
        "methods and steps of the development, and what came from third parties",
        ("featurize.created_features",),
        ("feature_list", "best_params", "leaderboard"),
        "which third parties had a part in it",
    ),
    Clause(
        "2 (b)",
        "design: the logic, the choices and their reasons, what is optimised, the trade-offs",
        ("define.costs", "define.rule", "evaluate.beats_rule"),
        ("charter", "model_manifest", "evaluation"),
    ),
    Clause(
        "2 (c)",
        "architecture, and the computing that was needed",
        (),
        ("model_manifest",),
        "the computing resources that were used",
    ),
    Clause(
        "2 (d)",
        "data: where it comes from, scope, how it was chosen, labelled and cleaned",
        ("validate.*", "split.*", "report.findings_answered"),
        ("manifest", "quality", "splits", "data_sheet"),
        "how the labels came about, where charter.data_sheet does not say",
    ),
    Clause(
        "2 (e)",
        "human oversight, and what helps a person to read the outputs",
        ("accountability.owners", "transparency.*"),
        ("charter",),
        "whether the persons have the time and the training",
    ),
    Clause(
        "2 (f)",
        "changes that are decided beforehand",
        person="which changes may be made without a new assessment",
    ),
    Clause(
        "2 (g)",
        "validation and tests: data, metrics, discriminatory effects, signed reports",
        ("evaluate.*", "performance.*", "safety.*", "fairness.*"),
        ("evaluation", "summary"),
        "the signature: `loopwright approve` records it, beside this report",
    ),
    Clause(
        "2 (h)",
        "cybersecurity",
        ("privacy_security.model_file", "privacy_security.dependencies"),
        person="the security of the place where it runs",
    ),
    Clause(
        "3",
        "capabilities and limits: accuracy for groups, foreseeable harm, oversight, inputs",
        (
            "performance.criterion:*",
            "fairness.*",
            "safety.*",
            "accountability.risks",
            "accountability.inputs",
        ),
        ("model_card",),
    ),
    Clause(
        "4",
        "why the metrics are the right ones",
        ("accountability.charter", "define.success_criteria", "report.criteria_judged"),
        ("charter",),
    ),
    Clause(
        "5",
        "the risk management system (article 9)",
        ("accountability.risks", "report.risks"),
        person="that the register is complete, and is looked at again",
    ),
    Clause(
        "6",
        "changes through the life of the system",
        (),
        ("model_card",),
        "git keeps them: `loopwright history` lists them, and `loopwright review` compares two",
    ),
    Clause("7", "the harmonised standards that are applied", person="which standards are applied"),
    Clause("8", "the EU declaration of conformity (article 47)", person="the provider signs it"),
    Clause(
        "9",
        "the plan for monitoring after it is on the market (article 72)",
        person="the plan; its figures of reference are in the evaluation",
    ),
)

NIST = (
    Clause(
        "GOVERN 1.3",
        "how much risk management is needed follows from the risk that is borne",
        ("accountability.risks",),
        person="the organisation's tolerance",
    ),
    Clause(
        "GOVERN 1.4",
        "the risk management is transparent and documented",
        ("accountability.risks", "report.evidence:*"),
        ("summary",),
    ),
    Clause("GOVERN 1.6", "an inventory of AI systems", person="the organisation's inventory"),
    Clause(
        "GOVERN 2.1",
        "roles and responsibilities are documented",
        ("define.owners", "accountability.owners"),
        ("charter",),
    ),
    Clause("GOVERN 2.2", "the persons are trained", person="the training"),
    Clause(
        "GOVERN 3.2",
        "roles of persons and of the system in the decision are told apart",
        ("define.texts",),
        ("charter",),
    ),
    Clause("GOVERN 5.1", "feedback from those outside is gathered", person="whom to ask, and how"),
    Clause(
        "GOVERN 6.1",
        "risks of third-party software and data",
        ("privacy_security.dependencies",),
        person="rights of third parties in the data",
    ),
    Clause(
        "MAP 1.1",
        "purpose, context, benefit and harm are understood",
        ("define.texts", "define.scope", "define.ml_problem"),
        ("charter",),
    ),
    Clause(
        "MAP 1.4",
        "the business value is defined",
        ("define.costs", "define.return_on_investment"),
        ("charter",),
    ),
    Clause("MAP 1.6", "requirements are known", ("define.success_criteria",), ("charter",)),
    Clause(
        "MAP 2.1",
        "the task and the method are defined",
        ("define.target",),
        ("charter", "model_manifest"),
    ),
    Clause(
        "MAP 2.2",
        "limits of the system's knowledge, and how people oversee its output",
        ("safety.out_of_range*", "define.scope"),
        ("model_card",),
    ),
    Clause(
        "MAP 2.3",
        "scientific integrity: data, tests, construct validity",
        ("split.*", "accountability.sealed_test", "evaluate.leak*"),
        ("splits",),
    ),
    Clause(
        "MAP 3.3",
        "the scope is narrow and documented",
        ("define.scope", "accountability.charter"),
        ("charter",),
    ),
    Clause(
        "MAP 4.1",
        "legal risks of technology and data of third parties",
        person="licences and rights",
    ),
    Clause(
        "MAP 5.1", "likelihood and size of each impact are documented", ("accountability.risks",)
    ),
    Clause(
        "MEASURE 1.1",
        "metrics for the most significant risks are chosen",
        ("report.risks", "define.success_criteria"),
    ),
    Clause(
        "MEASURE 2.1",
        "test sets, metrics and tools are documented",
        ("performance.test_size",),
        ("splits", "evaluation"),
    ),
    Clause(
        "MEASURE 2.2",
        "evaluations with human subjects represent those whom it is about",
        person="a trial with people",
    ),
    Clause(
        "MEASURE 2.3",
        "performance is measured as it will be used",
        ("evaluate.*", "performance.criterion:*"),
        ("evaluation",),
    ),
    Clause("MEASURE 2.4", "it is monitored when in production", person="operation"),
    Clause(
        "MEASURE 2.5",
        "it is valid and reliable; limits beyond its training are documented",
        ("performance.*", "safety.out_of_range*"),
    ),
    Clause("MEASURE 2.6", "it is safe and fails safely", ("safety.*",)),
    Clause(
        "MEASURE 2.7",
        "security and resilience",
        ("privacy_security.model_file", "privacy_security.dependencies"),
        person="the security of the place where it runs",
    ),
    Clause(
        "MEASURE 2.8",
        "transparency and accountability",
        ("accountability.*", "transparency.documented"),
    ),
    Clause("MEASURE 2.9", "the model is explained", ("transparency.*",), ("model_card",)),
    Clause(
        "MEASURE 2.10",
        "privacy",
        (
            "privacy_security.personal_data",
            "privacy_security.k_anonymity",
            "privacy_security.membership_auc",
        ),
    ),
    Clause("MEASURE 2.11", "fairness and bias", ("fairness.*",)),
    Clause("MEASURE 2.12", "environmental impact", person="energy and hardware are not measured"),
    Clause(
        "MANAGE 1.1",
        "does it reach its purpose, and is it to go on?",
        ("report.criteria_judged", "evaluate.beats_rule"),
        ("summary",),
        "`loopwright approve` records who decided",
    ),
    Clause("MANAGE 1.3", "responses to the risks are planned", ("accountability.risks",)),
    Clause(
        "MANAGE 1.4",
        "what is left of the risks is documented",
        ("accountability.risks",),
        person="telling it to those who use it",
    ),
    Clause(
        "MANAGE 2.4",
        "it can be taken out of use, and who does it",
        ("accountability.owners", "define.rule"),
        person="operation; the rule of the charter stands ready",
    ),
    Clause(
        "MANAGE 3.1",
        "third-party components are watched",
        ("privacy_security.dependencies",),
        person="watching advisories",
    ),
    Clause("MANAGE 4.1", "plans for monitoring after deployment", person="operation"),
    Clause("MANAGE 4.3", "incidents are told to those concerned", person="operation"),
)

FRAMEWORKS = (
    Framework("EU AI Act, Annex IV", "Regulation (EU) 2024/1689, Annex IV", ANNEX_IV),
    Framework("NIST AI RMF 1.0", "NIST AI 100-1, January 2023", NIST),
)
