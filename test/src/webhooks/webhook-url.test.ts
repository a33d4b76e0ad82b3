import t from 'tap'
import { addressPolicy } from '../../../src/address-policy.ts'
import { urlFlaw } from '../../../src/webhooks/webhook-url.ts'

const strict = addressPolicy('')
const own = addressPolicy('true')

t.test('[WH13] however an address is written, it is recognised', async t => {
  for (const host of [
    ...['127.0.0.1', '127.1', '0x7f.1', '0x7f000001', '2130706433', '017700000001', '0177.0.0.1', '127.0.0.1.'],
    ...['[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:0:0:1]', '①②⑦.0.0.1', '%31%32%37.0.0.1'],
    ...['0', '0.0.0.0', '[::]', '169.254.169.254', '[fe80::1]', '10.0.0.1', '[fd00::1]', '[64:ff9b::a00:1]'],
  ]) {
    t.match(urlFlaw(`https://${host}/hook`, strict), /not allowed/, host)
  }
  t.equal(urlFlaw('http://0x7f.1:8080/hook', own), undefined)
})

t.test('[WH14] other forbidden URLs are refused with the reason', async t => {
  for (const [url, why] of [
    ['', 'is not a valid URL'],
    ['example.com/hook', 'is not a valid URL'],
    ['https://', 'is not a valid URL'],
    ['https://[fe80::1%25eth0]/', 'is not a valid URL'],
    ['https://example.com:99999/', 'is not a valid URL'],
    ['ftp://example.com/', 'must begin with https'],
    ['file:///etc/passwd', 'must begin with https'],
    ['javascript:alert(1)', 'must begin with https'],
    ['ws://example.com/', 'must begin with https'],
    ['https://user@example.com/', 'user'],
    ['https://user:secret@example.com/', 'user'],
    ['https://:secret@example.com/', 'user'],
    ['https://example.com@127.0.0.1/', 'user'],
    ['https://example.com/#part', 'fragment'],
    ['https://example.com:22/', 'port 22'],
    ['https://example.com:25/', 'port 25'],
    ['https://example.com:0/', 'port 0'],
    ['https://example.com:1023/', 'port 1023'],
  ] as const) {
    t.match(urlFlaw(url, strict), why, url)
  }
  for (const url of [
    'https://example.com',
    'https://example.com/hooks/fleet?key=a%20b',
    'https://example.com:443/',
    'https://example.com:8443/',
    'https://münchen.example/',
    'http://example.com:80/',
    'http://example.com:443/',
  ]) {
    t.equal(urlFlaw(url, strict), undefined, `${url}: the addresses behind its name are checked when it is resolved`)
  }
})
