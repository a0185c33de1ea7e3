from stages.core.errors import did_you_mean


def test_the_closest_name_is_offered() -> None:
    assert did_you_mean("EDUCATON", ["AGE", "EDUCATION"]) == "; did you mean 'EDUCATION'?"


def test_nothing_is_offered_where_nothing_is_close() -> None:
    assert did_you_mean("EDUCATION", ["AGE", "SEX"]) == ""
    assert did_you_mean("EDUCATION", []) == ""
