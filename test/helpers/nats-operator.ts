import { nkeys } from '@nats-io/transport-node'

type Key = ReturnType<typeof nkeys.createOperator>

const NO_LIMIT = { subs: -1, data: -1, payload: -1 }
const ACCOUNT = { ...NO_LIMIT, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
const STORAGE = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }

/** A NATS operator with an account for a fleet: the settings of its servers, and a user's credentials file. */
export function natsOperator(): { config: string; creds: string } {
  const operator = nkeys.createOperator()
  const system = nkeys.createAccount()
  const fleet = nkeys.createAccount()
  const user = nkeys.createUser()
  const accounts = [
    [system, { limits: ACCOUNT }],
    [fleet, { limits: { ...ACCOUNT, ...STORAGE } }],
  ] as const
  const preload = accounts.map(([key, nats]) => {
    return `${key.getPublicKey()}: ${signed(operator, key, { ...nats, type: 'account', version: 2 })}`
  })
  const seed = new TextDecoder().decode(user.getSeed())
  return {
    config: `operator: ${signed(operator, operator, { type: 'operator', version: 2 })}
system_account: ${system.getPublicKey()}
resolver: MEMORY
resolver_preload: {
  ${preload.join('\n  ')}
}`,
    creds: `-----BEGIN NATS USER JWT-----
${signed(fleet, user, { ...NO_LIMIT, type: 'user', version: 2 })}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`,
  }
}

function signed(issuer: Key, subject: Key, nats: object): string {
  const [iss, sub] = [issuer.getPublicKey(), subject.getPublicKey()]
  const claims = { jti: sub, iat: Math.floor(Date.now() / 1000), iss, sub, name: 'test', nats }
  const text = [{ typ: 'JWT', alg: 'ed25519-nkey' }, claims].map(part => base64url(JSON.stringify(part))).join('.')
  return `${text}.${base64url(issuer.sign(new TextEncoder().encode(text)))}`
}

const base64url = (content: string | Uint8Array) => Buffer.from(content).toString('base64url')
