import { pino } from 'pino'
import { test } from 'tap'
import { processLog } from '../../src/process-log.ts'
import { Capture } from '../helpers/capture.ts'
import { hmacToken } from '../helpers/foreign-token.ts'

test('[AU5] no line contains a token, whatever is logged', async t => {
  const stream = new Capture()
  const log = pino(processLog('trace'), stream)
  const token = hmacToken('x')
  const headers = { authorization: 'Basic c2VjcmV0', 'sec-websocket-protocol': 'fleetwire.v1, bearer.opaque' }
  log.info({ headers }, 'headers')
  log.info({ req: { method: 'GET', url: `/ws?token=opaque&x=${token}`, headers } }, 'request')
  log.warn({ token: 'opaque', body: { token: 'opaque' } }, `a message with ${token}`)
  log.error(new Error(`${token} is not valid`))
  log.error({ err: Object.assign(new Error('nested'), { cause: new Error(token) }) })
  t.equal(stream.text.trim().split('\n').length, 5)
  t.match(stream.text, 'is not valid')
  for (const secret of [token, token.split('.')[2]!, 'opaque', 'c2VjcmV0'])
    t.notOk(stream.text.includes(secret), secret)
})
