/** Why a run failed: the agent ended it with an error, or did not end it at all. */
export class AgentFault extends Error {
  /** A slug; for errors that the agent reports, its own code. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
