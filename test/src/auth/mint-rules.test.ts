import { test } from 'tap'
import { mintRefusal } from '../../../src/auth/mint-rules.ts'
import type { Principal } from '../../../src/auth/principal.ts'

const admin = (limits: Partial<Principal> = {}): Principal => ({
  sub: 'root',
  role: 'admin',
  agents: ['*'],
  expiresAt: 0,
  ...limits,
})

test('an unlimited admin may mint every role', async t => {
  for (const role of ['viewer', 'operator', 'admin', 'agent'] as const) {
    t.equal(mintRefusal(admin(), { sub: 'x', role }), undefined, role)
    t.equal(mintRefusal(admin(), { sub: 'x', role, agents: ['build-*'] }), undefined, role)
  }
  t.equal(mintRefusal(admin(), { sub: 'x', role: 'operator', scopes: ['read', 'command'] }), undefined)
})

test('[PM2] a scope that the role does not have is refused and named', async t => {
  for (const [role, scope] of [
    ['viewer', 'command'],
    ['operator', 'admin'],
    ['admin', 'agent'],
    ['agent', 'read'],
    ['operator', 'comand'],
  ] as const) {
    t.match(mintRefusal(admin(), { sub: 'x', role, scopes: [scope] }), {
      code: 'invalid_request',
      message: new RegExp(`"${scope}"`),
    })
  }
})

test('[AU12] nobody mints a token that sees more than their own', async t => {
  const narrow = admin({ agents: ['build-*', 'lint'] })
  for (const agents of [['build-1'], ['build-*'], ['build-1*'], ['build-*-x', 'lint']]) {
    t.equal(mintRefusal(narrow, { sub: 'root', role: 'viewer', agents }), undefined, agents.join())
  }
  for (const agents of [['*'], ['build*'], ['b*'], ['lint*'], ['*-1'], ['lint', 'other'], undefined]) {
    t.match(mintRefusal(narrow, { sub: 'root', role: 'viewer', ...(agents && { agents }) }), { code: 'forbidden' })
  }
  t.match(mintRefusal(narrow, { sub: 'x', role: 'viewer', agents: ['lint'] }), { code: 'forbidden', message: /"root"/ })
  t.equal(mintRefusal(narrow, { sub: 'build-7', role: 'agent' }), undefined)
  t.match(mintRefusal(narrow, { sub: 'other', role: 'agent', agents: ['lint'] }), { code: 'forbidden' })
})

test('[AU12] nobody mints a token that may do more than their own', async t => {
  const clerk = admin({ scopes: ['admin', 'read'] })
  t.equal(mintRefusal(clerk, { sub: 'x', role: 'viewer' }), undefined)
  t.equal(mintRefusal(clerk, { sub: 'x', role: 'operator', scopes: ['read'] }), undefined)
  t.equal(mintRefusal(clerk, { sub: 'x', role: 'agent' }), undefined)
  t.match(mintRefusal(clerk, { sub: 'x', role: 'operator' }), { code: 'forbidden', message: /"command"/ })
  t.match(mintRefusal(clerk, { sub: 'x', role: 'admin' }), { code: 'forbidden' })
})
