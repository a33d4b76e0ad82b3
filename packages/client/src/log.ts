/** Where the client reports what it did about faults that no caller hears of. Never a token, never a payload. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, details?: Record<string, unknown>) => void

export const silent: Log = () => {}
