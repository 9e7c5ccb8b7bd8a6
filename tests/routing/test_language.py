import pytest

from fairlead.routing.features.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Write a short email to my boss about the delay.", "en"),
        ("hello", "en"),
        ("日本の首都はどこですか?", "ja"),
        ("帮我写一封请假邮件", "zh"),
        ("안녕하세요, 반가워요!", "ko"),
        ("Wie ist das Wetter und was soll ich anziehen?", "other"),
        ("Как дела?", "other"),
        ("", "other"),
        ("12 + 30 = ?", "other"),
        ("\ud800\udc00", "other"),
        ("Let the angle α be given and find the limit of the sum.", "en"),
    ],
)
def test_the_script_and_common_words_tell_the_language(text: str, language: str) -> None:
    assert language_of(text) == language
