/** Error codes of JSON-RPC and the Agent Client Protocol. */
export const acpCodes = { invalidParams: -32602, notFound: -32002, internal: -32603, authRequired: -32000 } as const

/** Refuses a request of the program, which gets this as the error response. */
export class AcpError extends Error {
  readonly code: number

  constructor(reason: keyof typeof acpCodes, message: string) {
    super(message)
    this.code = acpCodes[reason]
  }
}
