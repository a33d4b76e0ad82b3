/** Codes of JSON-RPC and of the Agent Client Protocol. */
export const acpCodes = { invalidParams: -32602, notFound: -32002, internal: -32603, authRequired: -32000 } as const

/** A request of the program is refused: it gets this as the error of its request. */
export class AcpError extends Error {
  readonly code: number

  constructor(reason: keyof typeof acpCodes, message: string) {
    super(message)
    this.code = acpCodes[reason]
  }
}
