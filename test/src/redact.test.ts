import { test } from 'tap'
import { redactLine, redactUrl } from '../../src/redact.ts'
import { hmacToken } from '../helpers/foreign-token.ts'

const everyByte = (text: string) =>
  [...text].map(char => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')

test('[AU5] only the path of a URL is logged, without parts that are longer than any id', async t => {
  const token = hmacToken('x')
  const table: [url: string, logged: string][] = [
    ['/ws', '/ws'],
    ['/', '/'],
    ['/api/v1/agents/dev-1/commands', '/api/v1/agents/dev-1/commands'],
    ['/api/v1/subjects/auth0%7C66f/tokens', '/api/v1/subjects/auth0%7C66f/tokens'],
    ['/ws?token=abc', '/ws?[redacted]'],
    ['/ws?%74oken=abc', '/ws?[redacted]'],
    ['/ws?x=1&t%6Fken=abc', '/ws?[redacted]'],
    ['/ws?abc', '/ws?[redacted]'],
    ['/ws%3Ftoken=abc', '/ws?[redacted]'],
    ['/ws%253ftoken%253dabc', '/ws?[redacted]'],
    ['/ws;token=abc', '/ws?[redacted]'],
    ['/ws#token=abc', '/ws?[redacted]'],
    ['/token=abc', '/token?[redacted]'],
    ['/ws&token=abc', '/ws?[redacted]'],
    [`/${token}/x`, '/[redacted]/x'],
    [`/${everyByte(token)}`, '/[redacted]'],
  ]
  for (const [url, logged] of table) t.equal(redactUrl(url), logged, url)
})

test('[AU5] no line contains a token, however it is escaped', async t => {
  const token = hmacToken('x')
  const [head, body, signature] = token.split('.') as [string, string, string]
  const forms: Record<string, string> = {
    plain: token,
    'of a subprotocol': `fleetwire.v1, bearer.${token}`,
    'its first letter escaped': `%65${token.slice(1)}`,
    'its dots escaped': [head, body, signature].join('%2E'),
    'its dots escaped twice': [head, body, signature].join('%252e'),
    'every byte escaped': everyByte(token),
    'every byte escaped twice': everyByte(token).replaceAll('%', '%25'),
    'behind an escaped sign': `token%3D${token}`,
    'without a signature': `${head}.${body}.`,
    'with a line end': `${token}%0A`,
  }
  for (const [name, form] of Object.entries(forms)) {
    for (const line of [form, `{"msg":"about ${form}, and on"}`, `GET /x?q=${form} HTTP/1.1`, `<${form}>`]) {
      const kept = redactLine(line)
      for (const part of [body, signature, everyByte(body)]) t.notOk(kept.includes(part), `${name}: ${kept}`)
    }
  }
  for (const parameter of ['token=', '?%74oken=', 'to%6Ben=', 'TOKEN%3D', '%2574oken%253d']) {
    t.notMatch(redactLine(`"Invalid URL /ws?a=1&${parameter}opaque&b=2"`), /opaque/, parameter)
    t.match(redactLine(`"Invalid URL /ws?a=1&${parameter}opaque&b=2"`), /b=2/, parameter)
  }
  const innocent =
    '{"level":30,"url":"/api/v1/agents","msg":"50 % of the tokens are used; connection_0123456789.abcdef"}'
  t.equal(redactLine(innocent), innocent)
})

test('redaction is fast even for a line made to be slow', async t => {
  for (const part of ['eyJ', '%', '%25', 'token', 'token%25', '%65', 'eyJ%2e', 'eyJ.', 't%6f', '%2574']) {
    const before = process.cpuUsage()
    redactLine(part.repeat(200_000 / part.length))
    redactUrl(part.repeat(20_000 / part.length))
    const { user } = process.cpuUsage(before)
    t.ok(user < 500_000, `${part}: ${user} µs`)
  }
})
