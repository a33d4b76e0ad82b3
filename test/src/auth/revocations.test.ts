import { test } from 'tap'
import { Revocations } from '../../../src/auth/revocations.ts'

test('revoked tokens are forgotten once they have expired, subjects never', async t => {
  const revocations = new Revocations()
  revocations.add({ kind: 'token', jti: 'a', expiresAt: 100 })
  revocations.add({ kind: 'token', jti: 'b', expiresAt: 200 })
  revocations.add({ kind: 'subject', sub: 'ann', issuedBefore: 50 })
  revocations.prune(100)
  t.equal(revocations.size, 2)
  t.ok(revocations.has({ sub: 'bob', jti: 'b' }))
  t.notOk(revocations.has({ sub: 'bob', jti: 'a' }))
  t.ok(revocations.has({ sub: 'ann', issuedAt: 49 }))
  t.notOk(revocations.has({ sub: 'ann', issuedAt: 50 }))
})

test('an older revocation of a subject that arrives late does not weaken a newer one', async t => {
  const revocations = new Revocations()
  revocations.add({ kind: 'subject', sub: 'ann', issuedBefore: 50 })
  revocations.add({ kind: 'subject', sub: 'ann', issuedBefore: 40 })
  t.equal(revocations.issuedBefore('ann'), 50)
})
