import { chooseShell } from '../exec/choose-shell.ts'
import { createShellRunner, type ShellRun } from '../exec/shell-runner.ts'
import type { Part, Surroundings } from './part.ts'

/** Short: after the first SIGINT, a Node REPL only prints how to leave it, so the next signal should follow soon. */
const TERM_AFTER_MS = 1000

/** Runs shell lines, each in its own terminal, as `fleetwire agent exec` does. */
export function shellAgent({ project, env, client }: Surroundings): Part {
  let shell = '/bin/sh'
  let runner: ReturnType<typeof createShellRunner> | undefined
  const run = (run: ShellRun) => {
    runner ??= createShellRunner({
      openTerminal: options => client().openTerminal(options),
      env,
      shell,
      cwd: project,
      termAfterMs: TERM_AFTER_MS,
    })
    return runner(run)
  }
  return {
    kind: 'exec',
    handlers: { shell: run },
    // One command works or waits at its prompt, and people may run others in parallel.
    maxConcurrency: 3,
    async begin() {
      const chosen = await chooseShell({ env })
      if (chosen.status === 'ok') shell = chosen.shell
    },
  }
}
