/** Why a run failed that the agent did not end by itself, or ended with an error. */
export class AgentFault extends Error {
  /** A slug; of errors that the agent tells of, its own code. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
