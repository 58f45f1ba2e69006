"""Exit codes and error lines."""

import pytest

from explorer.cli import exit_codes
from explorer.cli.exit_codes import ExitCode, UsageError, error_line, exit_code, first_error, print_error
from explorer.model import errors

CODES = {
    errors.ExplorerError: 1,
    errors.InvalidAddress: 2,
    errors.BackendNotSupported: 2,
    errors.ExtraNotInstalled: 1,
    errors.CallNotSupported: 1,
    errors.InvalidKey: 2,
    errors.PreviousNotSpecified: 2,
    errors.TooLarge: 1,
    errors.KeyNotFound: 3,
    errors.Conflict: 4,
    errors.KeyModified: 4,
    errors.KeyExists: 4,
    errors.CannotLock: 4,
    errors.LockLost: 4,
    errors.Compacted: 1,
    errors.NotReachable: 5,
    errors.Timeout: 5,
    errors.TlsFailed: 5,
    errors.Denied: 6,
    errors.Unauthenticated: 6,
    errors.Forbidden: 6,
    errors.NoSpace: 1,
    errors.ConstraintViolated: 1,
    errors.InvalidText: 2,
    errors.InvalidPlan: 2,
    errors.SchemaFailed: 2,
    errors.OutcomeUnknown: 7,
}


def every_error() -> set[type[errors.ExplorerError]]:
    return {
        found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, errors.ExplorerError)
    }


def test_every_error_class_has_an_expected_code() -> None:
    assert set(CODES) == every_error()


@pytest.mark.parametrize(("kind", "code"), CODES.items(), ids=lambda value: getattr(value, "__name__", str(value)))
def test_exit_code_of_each_error(kind: type[errors.ExplorerError], code: int) -> None:
    assert exit_code(kind("x")) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("x"), 2), (OSError(2, "no"), 1), (KeyboardInterrupt(), 130), (BrokenPipeError(), 141)],
)
def test_exit_code_of_other_exceptions(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_error_line_has_message_place_and_hint() -> None:
    error = errors.KeyNotFound("there is nothing", hint="look with ls", address="etcd://h/", key="a")
    assert error_line(error) == "keyscope: there is nothing (key 'a') at etcd://h/: look with ls"


def test_error_line_is_sanitized() -> None:
    line = error_line(errors.Forbidden("no\n\x1b[2Jno", hint="\x9b\u202e"))
    assert line == "keyscope: no\\n\\x1b[2Jno: \\x9b\\u{202e}"


def test_error_line_of_os_error_names_the_file() -> None:
    assert error_line(FileNotFoundError(2, "No such file", "a\nb")) == "keyscope: 'a\\nb': No such file"


def test_print_error_of_a_group_prints_the_first_error(capsys: pytest.CaptureFixture[str]) -> None:
    group = ExceptionGroup("", [ExceptionGroup("", [errors.Forbidden("no")]), ValueError()])
    assert isinstance(first_error(group), errors.Forbidden)
    assert print_error(group) == ExitCode.DENIED
    assert capsys.readouterr().err == "keyscope: no\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BrokenPipeError()], ids=["ctrl-C", "a closed pipe"])
def test_print_error_prints_nothing_for_ctrl_c_and_pipes(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    print_error(error)
    assert capsys.readouterr().err == ""


def test_print_error_raises_internal_errors_again() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_codes.print_error(ZeroDivisionError())
