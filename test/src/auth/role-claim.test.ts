import { test } from 'tap'
import { roleOf } from '../../../src/auth/role-claim.ts'

test('[AU18] a role is found under a name or a path, even if names contain dots', async t => {
  const table: [claims: object, path: string, role: string | undefined][] = [
    [{ role: 'viewer' }, 'role', 'viewer'],
    [{ realm_access: { roles: ['offline_access', 'operator'] } }, 'realm_access.roles', 'operator'],
    [{ resource_access: { 'my.client': { roles: ['admin'] } } }, 'resource_access.my.client.roles', 'admin'],
    [{ 'https://fleet.example/roles': ['viewer'] }, 'https://fleet.example/roles', 'viewer'],
    [{ 'https://fleet.example/app': { roles: ['viewer'] } }, 'https://fleet.example/app.roles', 'viewer'],
    [{ 'a.b': { c: 'admin' }, a: { b: { c: 'viewer' } } }, 'a.b.c', 'admin'],
    [{ 'a.b': 'x', a: { b: { c: 'viewer' } } }, 'a.b.c', 'viewer'],
    [{ role: 'admin' }, 'realm_access.roles', undefined],
    [{ realm_access: 'admin' }, 'realm_access.roles', undefined],
    [{ realm_access: null }, 'realm_access.roles', undefined],
    [{}, 'constructor.name', undefined],
    [{}, '__proto__', undefined],
    [{ roles: ['admin'] }, 'roles.0', 'admin'],
    [{ role: 'admin' }, '.role', undefined],
    [{ role: 'admin' }, 'role.', undefined],
  ]
  for (const [claims, path, role] of table) t.equal(roleOf(claims, path), role, `${path} of ${JSON.stringify(claims)}`)
})

test('[AU18] the highest known role counts, however roles are written', async t => {
  const table: [value: unknown, role: string | undefined][] = [
    [['viewer', 'admin', 'operator'], 'admin'],
    [['viewer', 'agent'], 'viewer'],
    [['agent'], 'agent'],
    ['openid viewer operator', 'operator'],
    ['viewer,operator', 'operator'],
    [['openid viewer', 'x'], 'viewer'],
    [['unknown', 7, null, ['admin']], undefined],
    ['Admin', undefined],
    ['administrator', undefined],
    ['fleet-admin', undefined],
    ['', undefined],
    [[], undefined],
    [{ admin: true }, undefined],
    [true, undefined],
    [null, undefined],
    [undefined, undefined],
  ]
  for (const [value, role] of table) t.equal(roleOf({ role: value }, 'role'), role, JSON.stringify(value))
})
