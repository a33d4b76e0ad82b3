import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { newSecret, secretFlaw, signedHeaders, valid } from '../../../src/webhooks/signature.ts'

const now = () => Date.now()

t.test('[WH2] the official library verifies what is signed here, and signs the same', async t => {
  const body = '{"type":"custom:ü€😀","payload":{"text":"line\\nline"}}'
  for (const secret of [
    newSecret(),
    `whsec_${Buffer.alloc(24, 7).toString('base64')}`,
    `whsec_${Buffer.alloc(64, 200).toString('base64')}`,
  ]) {
    t.equal(secretFlaw(secret), undefined)
    const at = now()
    const headers = signedHeaders('whk_1_cursor_9', body, [{ secret }], at)
    t.same(new Webhook(secret).verify(body, headers), JSON.parse(body))
    t.equal(new Webhook(secret).sign('whk_1_cursor_9', new Date(at), body), headers['webhook-signature'])
    t.throws(() => new Webhook(secret).verify(`${body} `, headers), 'another body')
    t.throws(() => new Webhook(secret).verify(body, { ...headers, 'webhook-id': 'whk_1_cursor_8' }), 'another id')
    t.throws(() => new Webhook(newSecret()).verify(body, headers), 'another secret')
  }
})

t.test('[WH9] while two secrets are valid, either verifies; an expired one does not sign', async t => {
  const [old, young] = [newSecret(), newSecret()]
  const secrets = [{ secret: young }, { secret: old, expiresAt: now() + 1000 }]
  const both = signedHeaders('id', '{}', secrets, now())
  t.equal(both['webhook-signature'].split(' ').length, 2)
  for (const secret of [old, young]) t.doesNotThrow(() => new Webhook(secret).verify('{}', both))
  const later = now() + 1001
  t.same(valid(secrets, later), [{ secret: young }])
  t.equal(signedHeaders('id', '{}', secrets, later)['webhook-signature'].split(' ').length, 1)
})

t.test('an invalid secret is refused', async t => {
  const key = Buffer.alloc(32, 1).toString('base64')
  for (const secret of [
    ...['', 'whsec_', key, `whsk_${key}`, `whsec_${key.slice(0, -1)}`, `whsec_${key}=`, `whsec_${key.slice(1)}`],
    ...[`whsec_${Buffer.alloc(23).toString('base64')}`, `whsec_${Buffer.alloc(65).toString('base64')}`],
  ]) {
    t.match(secretFlaw(secret), /must be whsec_/, secret)
  }
  t.not(newSecret(), newSecret())
})
