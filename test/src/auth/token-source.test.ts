import { test } from 'tap'
import { findToken } from '../../../src/auth/token-source.ts'

const found = (token: string) => ({ status: 'found', token })

test('[AU2] a token is looked up in the header, then the subprotocol, then the query', async t => {
  const header = { authorization: 'Bearer aaa' }
  const protocol = { 'sec-websocket-protocol': 'fleetwire.v1, bearer.bbb' }
  const query = { token: 'ccc' }
  t.same(findToken({ ...header, ...protocol }, query, true), found('aaa'))
  t.same(findToken(protocol, query, true), found('bbb'))
  t.same(findToken({}, query, true), found('ccc'))
  t.same(findToken({}, query, false), { status: 'absent' }, 'the query can be switched off')
  t.same(findToken({}, {}, true), { status: 'absent' })
})

test('[AU3] the first source that is present decides, valid or not', async t => {
  const query = { token: 'ccc' }
  for (const authorization of ['', 'Bearer', 'Bearer ', 'Basic dTpw', 'aaa', 'Bearer a b', 'Bearer,a']) {
    t.match(findToken({ authorization }, query, true), { status: 'malformed' }, JSON.stringify(authorization))
  }
  t.same(findToken({ 'sec-websocket-protocol': 'bearer.' }, query, true), found(''))
  t.match(findToken({ 'sec-websocket-protocol': 'bearer.a, bearer.b' }, query, true), { status: 'malformed' })
  t.match(findToken({}, { token: ['a', 'b'] }, true), { status: 'malformed' })
  t.same(findToken({}, { token: '' }, true), found(''))
})

test('the scheme is case-insensitive, and subprotocols without a bearer are no source', async t => {
  t.same(findToken({ authorization: 'bearer  aaa' }, {}, true), found('aaa'))
  t.same(findToken({ 'sec-websocket-protocol': 'fleetwire.v1' }, { token: 'ccc' }, true), found('ccc'))
  t.same(findToken({ 'sec-websocket-protocol': 'fleetwire.v1,bearer.b' }, {}, true), found('b'))
})
