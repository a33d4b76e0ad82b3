import t from 'tap'
import { addressPolicy } from '../../src/address-policy.ts'

const closed: Record<string, string> = {
  '127.0.0.1': 'loopback',
  '127.255.255.254': 'loopback',
  '10.0.0.1': 'private',
  '172.16.0.1': 'private',
  '172.31.255.255': 'private',
  '192.168.1.1': 'private',
  '169.254.1.1': 'link-local',
  '169.254.169.254': 'link-local',
  '100.64.0.1': 'carrier-grade NAT',
  '100.127.255.255': 'carrier-grade NAT',
  '100.100.100.200': 'credentials',
  '168.63.129.16': 'credentials',
  '192.0.0.192': 'credentials',
  '0.0.0.0': 'unspecified',
  '0.1.2.3': 'unspecified',
  '192.0.2.1': 'reserved',
  '198.18.0.1': 'reserved',
  '203.0.113.9': 'reserved',
  '224.0.0.1': 'multicast',
  '240.0.0.1': 'reserved',
  '255.255.255.255': 'broadcast',
  '::': 'unspecified',
  '::1': 'loopback',
  'fe80::1': 'link-local',
  'fec0::1': 'not public',
  'fc00::1': 'unique local',
  'fd12:3456::1': 'unique local',
  'fd00:ec2::254': 'credentials',
  'ff02::1': 'multicast',
  '::ffff:127.0.0.1': 'loopback',
  '::ffff:10.1.2.3': 'private',
  '::ffff:a9fe:a9fe': 'link-local',
  '::127.0.0.1': 'not public',
  '::ffff:0:127.0.0.1': 'not public',
  '64:ff9b::7f00:1': 'not public',
  '64:ff9b:1::a00:1': 'not public',
  '2002:7f00:1::': 'not public',
  '2001::1': 'not public',
  '2001:db8::1': 'not public',
  '4000::1': 'not assigned',
  localhost: 'is not an address',
  '': 'is not an address',
}
const open = ['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '100.63.0.1', '2606:4700::1111', '2a00:1450::1']

t.test('[WH13] only public addresses are allowed by default', async t => {
  for (const setting of ['', 'false']) {
    const policy = addressPolicy(setting)
    t.equal(policy.isPublicOnly, true)
    for (const [address, why] of Object.entries(closed)) t.match(policy.refusal(address, 'https'), why, address)
    for (const address of open) t.equal(policy.refusal(address, 'https'), undefined, address)
  }
})

t.test(
  '[WH13] true allows loopback and private ranges, but never link-local addresses or metadata services',
  async t => {
    const policy = addressPolicy('true')
    for (const address of ['127.0.0.1', '::1', '10.0.0.1', '192.168.1.1', 'fd12::1', '100.64.0.1', '::ffff:127.0.0.1'])
      t.equal(policy.refusal(address, 'http'), undefined, address)
    for (const [address, why] of Object.entries(closed))
      if (!/loopback|private|unique|carrier|::127/.test(why + address))
        t.match(policy.refusal(address, 'http'), why, address)
  },
)

t.test('[WH13] a list allows what it names and nothing else', async t => {
  const policy = addressPolicy(' 10.1.0.0/16, 169.254.169.254,fd00::/8 , 192.168.1.7')
  for (const address of ['10.1.2.3', '169.254.169.254', 'fd00::9', '192.168.1.7', '::ffff:10.1.0.1'])
    t.equal(policy.refusal(address, 'http'), undefined, address)
  for (const address of ['10.2.0.1', '169.254.169.253', 'fc00::1', '192.168.1.8', '127.0.0.1', '::1'])
    t.ok(policy.refusal(address, 'http'), address)
})

t.test('[WH14] http is allowed for the addresses in the setting, and for public ones only if enabled', async t => {
  t.match(addressPolicy('true').refusal('1.1.1.1', 'http'), 'use https')
  t.equal(addressPolicy('', true).refusal('1.1.1.1', 'http'), undefined)
  t.match(addressPolicy('', true).refusal('10.0.0.1', 'http'), 'private')
})

t.test('[CF2] an invalid setting is refused with the reason', async t => {
  for (const [setting, entry] of [
    ['yes', 'yes'],
    ['10.0.0.0/33', '10.0.0.0/33'],
    ['10.0.0.1,', ''],
    ['10.1', '10.1'],
    ['012.0.0.1', '012.0.0.1'],
    ['localhost', 'localhost'],
    ['10.0.0.0/8/8', '10.0.0.0/8/8'],
    ['true,10.0.0.1', 'true'],
  ] as const) {
    t.throws(
      () => addressPolicy(setting),
      { message: `has the entry "${entry}", which is neither an address` },
      setting,
    )
  }
})
