/** Receives reports about faults that no caller learns of. Never contains a token or a payload. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, details?: Record<string, unknown>) => void

export const silent: Log = () => {}
