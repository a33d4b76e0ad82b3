import { test } from 'tap'
import { loadConfig } from '../../src/config.ts'
import { parseTrustProxy } from '../../src/trust-proxy.ts'

test('[LM12] TRUST_PROXY trusts exactly the listed proxies', async t => {
  const table: [setting: string, believed: [string, number][], not: [string, number][]][] = [
    ['', [], [['127.0.0.1', 0]]],
    ['false', [], [['127.0.0.1', 0]]],
    ['0', [], [['127.0.0.1', 0]]],
    [
      'true',
      [
        ['127.0.0.1', 0],
        ['anybody', 99],
      ],
      [],
    ],
    [
      '2',
      [
        ['203.0.113.9', 0],
        ['203.0.113.9', 1],
      ],
      [['203.0.113.9', 2]],
    ],
    [
      'loopback',
      [
        ['127.0.0.1', 0],
        ['127.9.9.9', 5],
        ['::1', 0],
        ['::ffff:127.0.0.1', 0],
      ],
      [
        ['128.0.0.1', 0],
        ['::2', 0],
        ['unknown', 0],
        ['', 0],
      ],
    ],
    [
      ' 10.1.0.0/16 , fd00::/8,192.0.2.7 ',
      [
        ['10.1.255.255', 0],
        ['fd12::1', 0],
        ['192.0.2.7', 0],
      ],
      [
        ['10.2.0.0', 0],
        ['fe00::1', 0],
        ['192.0.2.8', 0],
      ],
    ],
    [
      'uniquelocal,linklocal',
      [
        ['172.31.0.1', 0],
        ['fe80::1', 0],
      ],
      [
        ['172.32.0.1', 0],
        ['127.0.0.1', 0],
      ],
    ],
    ['0.0.0.0/0', [['8.8.8.8', 0]], []],
  ]
  for (const [setting, believed, not] of table) {
    const trust = parseTrustProxy(setting)
    for (const [address, hop] of believed) t.equal(trust?.(address, hop), true, `${setting} trusts ${address} ${hop}`)
    for (const [address, hop] of not) t.notOk(trust?.(address, hop), `${setting} does not trust ${address} ${hop}`)
  }
})

test('[CF2] a value that names no proxy stops the start, with the variable and what to write', async t => {
  const bad = [
    'somebody',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '999.1.1.1',
    '10.0.0.1,,',
    'True',
    'abc',
  ]
  for (const TRUST_PROXY of [...bad, '1.5', '-1', '33', '10.0.0.0/-1', '10.0.0.0/8x', 'http://proxy', '127.0.0.1:80']) {
    t.throws(
      () => loadConfig({ FLEETWIRE_TRUST_PROXY: TRUST_PROXY }),
      { code: 'FLW_ERR_CONFIG_INVALID', message: /FLEETWIRE_TRUST_PROXY (has the entry|must be at most 32)/ },
      TRUST_PROXY,
    )
  }
})
