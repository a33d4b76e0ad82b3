/** Where the client says what it did about a fault that nobody waits for. Never a token, never a payload. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, details?: Record<string, unknown>) => void

export const silent: Log = () => {}
