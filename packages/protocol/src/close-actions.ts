/** What a client does after a close. The action is part of the protocol. */
export type CloseAction = 'stop' | 'reconnect' | 'refresh-token' | 'back-off' | 'resume'

/** Separate from the descriptions in `closeCodes`, which a page that only reconnects need not load. */
export const closeActions = {
  1000: 'stop',
  1001: 'reconnect',
  1012: 'reconnect',
  4000: 'stop',
  4401: 'refresh-token',
  4403: 'stop',
  4408: 'reconnect',
  4409: 'stop',
  4413: 'stop',
  4429: 'back-off',
  4508: 'resume',
} as const satisfies Record<number, CloseAction>

export type CloseCode = keyof typeof closeActions

/** The action for any close code. Codes outside the table (1006, 1011 …) count as network faults. */
export const closeAction = (code: number): CloseAction =>
  (closeActions as Record<number, CloseAction>)[code] ?? 'reconnect'
