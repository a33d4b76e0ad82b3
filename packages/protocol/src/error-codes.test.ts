import { Value } from '@sinclair/typebox/value'
import t from 'tap'
import { type ErrorCode, errorCodes } from './error-codes.ts'
import { RestError, WireError } from './errors.ts'
import { wireError } from './wire-error.ts'

const codes = Object.keys(errorCodes) as ErrorCode[]

t.test('[ER1] every code is a slug with a status of its kind and a meaning', async t => {
  for (const code of codes) {
    const { status, meaning } = errorCodes[code]
    t.match(code, /^[a-z]+(_[a-z]+)*$/)
    t.ok(status >= 400 && status <= 503, `${code}: ${status}`)
    t.match(meaning, /^[A-Z].*\.$/, 'a sentence')
  }
})

t.test('[ER2] the code alone says whether a request can succeed later', async t => {
  const retryable = codes.filter(code => errorCodes[code].retryable)
  t.same(retryable, ['gap', 'rate_limited', 'queue_full', 'not_ready', 'unavailable', 'internal'])
  for (const code of codes) t.equal(wireError(code, '').retryable, errorCodes[code].retryable)
})

t.test('[ER1] an error is what its schema says', async t => {
  t.same(wireError('conflict', 'No.'), { code: 'conflict', message: 'No.', retryable: false })
  t.same(wireError('conflict', 'No.', { n: 1 }).details, { n: 1 })
  t.ok(Value.Check(WireError, wireError('internal', '', null)))
  t.notOk(Value.Check(WireError, { ...wireError('internal', ''), code: 'oops' }))
  const rest = { statusCode: 404, code: 'not_found', error: 'Not Found', message: '' }
  t.ok(Value.Check(RestError, rest))
  t.notOk(Value.Check(RestError, { ...rest, code: 'FST_ERR_NOT_FOUND' }))
})
