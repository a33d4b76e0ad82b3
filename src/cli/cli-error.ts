/** Exit codes for scripts. Documented in docs/cli.md. */
export const exitCodes = {
  failed: 1,
  usage: 2,
  unreachable: 3,
  denied: 4,
  replaced: 5,
  incomplete: 6,
  timedOut: 124,
  noProgram: 127,
  interrupted: 130,
  readerLeft: 141,
} as const

/** Ends the program with one line on stderr. */
export class CliError extends Error {
  readonly exitCode: number

  constructor(reason: keyof typeof exitCodes, message: string) {
    super(message)
    this.exitCode = exitCodes[reason]
  }
}

export const noServer = (url: string, cause: string): CliError =>
  new CliError('unreachable', `No Fleetwire server answers at ${url} (${cause}). Start one with: fleetwire serve`)
