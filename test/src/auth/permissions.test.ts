import type { Role } from '@fleetwire/protocol'
import t from 'tap'
import { canSeeAgent, canSeeTopic, may, patternRefusal } from '../../../src/auth/permissions.ts'
import { type Principal, type Scope, scopes } from '../../../src/auth/principal.ts'

const principal = (patch: Partial<Principal> = {}): Principal => ({
  sub: 'ada',
  role: 'operator',
  agents: ['*'],
  expiresAt: Number.MAX_SAFE_INTEGER,
  ...patch,
})

t.test('[PM1] each role has its scopes', async t => {
  const granted: Record<Role, Scope[]> = {
    viewer: ['read'],
    operator: ['read', 'command', 'interact', 'terminal:write'],
    admin: ['read', 'command', 'interact', 'terminal:write', 'admin'],
    agent: ['agent'],
  }
  for (const [role, list] of Object.entries(granted) as [Role, Scope[]][]) {
    for (const scope of scopes) t.equal(may(principal({ role }), scope), list.includes(scope), `${role}: ${scope}`)
  }
})

t.test('[PM2] scopes narrow a role and never widen it', async t => {
  t.ok(may(principal({ scopes: ['read', 'admin'] }), 'read'))
  t.notOk(may(principal({ scopes: ['read', 'admin'] }), 'admin'), 'an operator does not become an admin')
  t.notOk(may(principal({ scopes: ['read'] }), 'command'))
  for (const scope of scopes) t.notOk(may(principal({ role: 'admin', scopes: [] }), scope), 'no scopes mean no rights')
})

t.test('[PM3] * matches any characters, or none', async t => {
  const table: [pattern: string, id: string, seen: boolean][] = [
    ['*', 'any', true],
    ['build-1', 'build-1', true],
    ['build-1', 'build-10', false],
    ['build-*', 'build-', true],
    ['build-*', 'build-1', true],
    ['build-*', 'rebuild-1', false],
    ['*-1', 'build-1', true],
    ['*-1', 'build-1-2', false],
    ['b*d', 'bd', true],
    ['b*d', 'build', true],
    ['b*d', 'buildx', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['ab*ba', 'aba', false],
    ['*b*', 'abc', true],
    ['*b*', 'acd', false],
    ['a*b*c', 'a-c-b-c', true],
    ['a*b*c', 'acb', false],
    ['a**c', 'abc', true],
    ['Build', 'build', false],
  ]
  for (const [pattern, id, seen] of table) {
    t.equal(canSeeAgent(principal({ agents: [pattern] }), id), seen, `${pattern} ${seen ? 'is' : 'is not'} ${id}`)
  }
  t.ok(canSeeAgent(principal({ agents: ['x', 'build-*'] }), 'build-1'), 'one of several is enough')
  t.notOk(canSeeAgent(principal({ agents: [] }), 'build-1'))
})

t.test('[PM5] [PM6] [PM8] a token sees only topics within its rights', async t => {
  const narrow = { agents: ['build-*'] }
  const table: [patch: Partial<Principal>, topic: string, seen: boolean][] = [
    [narrow, 'agents.build-1.status', true],
    [narrow, 'agents.build-1.sessions.s.messages', true],
    [narrow, 'agents.test-1.status', false],
    [narrow, 'tasks.t1.status', true],
    [{}, 'users.ada.inbox', true],
    [{}, 'users.grace.inbox', false],
    [{ role: 'admin' }, 'users.grace.inbox', false],
    [{}, 'system.connections', false],
    [{ role: 'admin' }, 'system.connections', true],
    [{ role: 'admin', scopes: ['read'] }, 'system.connections', false],
    [{ role: 'admin' }, '$uplink.a', false],
    [{ role: 'admin' }, 'else.where', false],
    [{ role: 'admin' }, 'agents', true],
  ]
  for (const [patch, topic, seen] of table) {
    t.equal(
      canSeeTopic(principal(patch), topic),
      seen,
      `${JSON.stringify(patch)} ${seen ? 'sees' : 'does not see'} ${topic}`,
    )
  }
})

t.test('[PM7] [PM8] a token may use only patterns within its rights', async t => {
  const narrow = { agents: ['build-*'] }
  const table: [patch: Partial<Principal>, pattern: string, code?: string][] = [
    [narrow, 'agents.build-1.>'],
    [narrow, 'agents.*.status'],
    [narrow, 'agents.>'],
    [narrow, '>'],
    [narrow, '*.test-1.status'],
    [narrow, 'tasks.t1.>'],
    [narrow, 'agents.test-1.>', 'forbidden'],
    [narrow, 'agents.test-1.status', 'forbidden'],
    [{}, 'users.ada.inbox'],
    [{}, 'users.*.inbox'],
    [{}, 'users.grace.inbox', 'forbidden'],
    [{}, 'system.connections', 'forbidden'],
    [{}, 'system.>', 'forbidden'],
    [{ role: 'admin' }, 'system.>'],
    [{ role: 'admin' }, '$uplink.a', 'invalid_frame'],
    [{ role: 'admin' }, 'agents..status', 'invalid_frame'],
    [{ role: 'admin' }, 'agents.>.status', 'invalid_frame'],
  ]
  for (const [patch, pattern, code] of table) {
    const refusal = patternRefusal(principal(patch), pattern)
    t.equal(refusal?.code, code, `${pattern}: ${code ?? 'allowed'}`)
    if (refusal !== undefined) t.same(refusal.details, { topic: pattern }, 'the refusal names the pattern')
  }
})
