/** What a client does after a close. The action is part of the contract. */
export type CloseAction = 'stop' | 'reconnect' | 'refresh-token' | 'back-off' | 'resume'

export const closeCodes = {
  1000: { name: 'normal', action: 'stop', meaning: 'Normal closure.' },
  1001: { name: 'going-away', action: 'reconnect', meaning: 'The other side is going away.' },
  1012: {
    name: 'restarting',
    action: 'reconnect',
    meaning: 'The server restarts; wait for `reconnectAfterMs` of `connection:closing`.',
  },
  4000: { name: 'protocol-error', action: 'stop', meaning: 'Too many frames were not valid.' },
  4401: {
    name: 'unauthorized',
    action: 'refresh-token',
    meaning: 'The token expired or was revoked: get a new one, then reconnect.',
  },
  4403: {
    name: 'forbidden',
    action: 'stop',
    meaning: 'The token does not allow this connection, or an admin closed it.',
  },
  4408: { name: 'timeout', action: 'reconnect', meaning: 'No sign of life, or no `agent:connect` in time.' },
  4409: { name: 'replaced', action: 'stop', meaning: 'A newer connection of the same agent took over.' },
  4413: { name: 'frame-too-large', action: 'stop', meaning: 'A frame was over the size limit.' },
  4429: { name: 'rate-limited', action: 'back-off', meaning: 'The rate limit was exceeded repeatedly.' },
  4508: {
    name: 'slow-consumer',
    action: 'resume',
    meaning: 'The bounded queue to this client overflowed: reconnect and resume.',
  },
} as const satisfies Record<number, { name: string; action: CloseAction; meaning: string }>

export type CloseCode = keyof typeof closeCodes

/** The action for any close code. Codes outside the table (1006, 1011 …) count as network faults. */
export function closeAction(code: number): CloseAction {
  return code in closeCodes ? closeCodes[code as CloseCode].action : 'reconnect'
}
