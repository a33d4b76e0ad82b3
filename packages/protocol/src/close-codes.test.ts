import t from 'tap'
import { closeAction } from './close-actions.ts'
import { closeCodes } from './close-codes.ts'

t.test('[CL1] what a client does after each close code', async t => {
  const actions = {
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
  }
  t.same(Object.fromEntries(Object.entries(closeCodes).map(([code, { action }]) => [code, action])), actions)
  for (const [code, action] of Object.entries(actions)) t.equal(closeAction(Number(code)), action)
})

t.test('[CL2] a code outside the table is a network fault', async t => {
  for (const code of [1005, 1006, 1011, 1013, 1015, 3000, 4001, 4999, 0, -1, Number.NaN]) {
    t.equal(closeAction(code), 'reconnect', String(code))
  }
})
