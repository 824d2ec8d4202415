"""The `faultline` command line as the modules use it: one place knows its options, exit codes and documents."""

import json

EXIT_CODES_WITH_ANSWER = (0, 1, 2)  # healthy, fault found, inconclusive


class CliError(Exception):
    """The command failed; `code` is the error's name in its JSON document, or an empty text."""

    def __init__(self, words, code=""):
        super().__init__(words)
        self.code = code


class FleetCli:
    """Runs `faultline ... -o json` through AnsibleModule.run_command."""

    def __init__(self, module, program):
        self._module, self._program = module, program

    def json(self, *words):
        """The document that a command prints. CliError with the command's own sentence when it has none."""
        command = [self._program, *words, "-o", "json"]
        try:
            code, out, err = self._module.run_command(command, handle_exceptions=False)
        except OSError as error:
            raise CliError(f"{self._program} cannot be run: {error}; is the package faultline installed here?") from error
        if code in EXIT_CODES_WITH_ANSWER and out.strip():
            return json.loads(out)
        raise CliError(*_words_of_failure(words, code, out, err))


def _words_of_failure(words, code, out, err):
    try:
        error = json.loads(out or err)["error"]
        return error["message"], error["code"]
    except (ValueError, KeyError, TypeError):
        said = (err or out).strip() or "it said nothing"
        return f"`faultline {' '.join(words)}` ended with {code}: {said}", ""
