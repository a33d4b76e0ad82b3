import { type CloseAction, type CloseCode, closeActions } from './close-actions.ts'

export const closeCodes = {
  1000: { name: 'normal', action: closeActions[1000], meaning: 'Normal closure.' },
  1001: { name: 'going-away', action: closeActions[1001], meaning: 'The other side is going away.' },
  1012: {
    name: 'restarting',
    action: closeActions[1012],
    meaning: 'The server is restarting; wait for `reconnectAfterMs` from `connection:closing`.',
  },
  4000: { name: 'protocol-error', action: closeActions[4000], meaning: 'Too many invalid frames.' },
  4401: {
    name: 'unauthorized',
    action: closeActions[4401],
    meaning: 'The token expired or was revoked: get a new one, then reconnect.',
  },
  4403: {
    name: 'forbidden',
    action: closeActions[4403],
    meaning: 'The token does not allow this connection, or an admin closed it.',
  },
  4408: { name: 'timeout', action: closeActions[4408], meaning: 'No sign of life, or no `agent:connect` in time.' },
  4409: { name: 'replaced', action: closeActions[4409], meaning: 'A newer connection of the same agent took over.' },
  4413: { name: 'frame-too-large', action: closeActions[4413], meaning: 'A frame exceeded the size limit.' },
  4429: { name: 'rate-limited', action: closeActions[4429], meaning: 'The rate limit was exceeded repeatedly.' },
  4508: {
    name: 'slow-consumer',
    action: closeActions[4508],
    meaning: 'The bounded send queue of this client overflowed: reconnect and resume.',
  },
} as const satisfies Record<CloseCode, { name: string; action: CloseAction; meaning: string }>
