import t from 'tap'
import type { Message } from '../../../src/webhooks/message.ts'
import { escaped } from '../../../src/webhooks/slack-message.ts'
import { bodyOf, eventMessage } from '../../../src/webhooks/webhook-message.ts'

const message = (type: string, topic: string, payload: unknown): Message => ({
  ...{ messageId: 'm', type, topic, cursor: 'e.1', at: 7 },
  json: JSON.stringify(payload),
})
const slack = (type: string, topic: string, payload: unknown) =>
  JSON.parse(bodyOf({ format: 'slack' }, message(type, topic, payload), 1e6)) as Record<string, unknown>

t.test('[WH1] the body is the event as sent over a socket', async t => {
  const payload = { text: 'ü "quoted" \\ \u2028 </script>', list: [1, null] }
  const body = bodyOf({ format: 'json' }, message('custom:x', 'tasks.t.events', payload), 1e6)
  t.same(JSON.parse(body), { type: 'custom:x', topic: 'tasks.t.events', cursor: 'e.1', at: 7, payload })
})

t.test('[WH10] a payload that is too large is left out, and the body says so', async t => {
  const large = message('custom:x', 'tasks.t.events', 'é'.repeat(1000))
  const body = bodyOf({ format: 'json' }, large, 1024)
  t.ok(Buffer.byteLength(body) <= 1024)
  t.match(JSON.parse(body), { type: 'custom:x', payload: null, omitted: { payloadBytes: 2002 } })
  t.notOk('omitted' in JSON.parse(bodyOf({ format: 'json' }, large, 4096)))
})

t.test('[WH2] the id of a message contains no full stop, and differs between webhooks', async t => {
  const event = { seq: 9, cursor: 'abc.9', type: 'x', topic: 't', at: 1, json: '{}', payload: {} }
  const [one, two] = [eventMessage('whk_1', event).messageId, eventMessage('whk_2', event).messageId]
  t.match(one, /^[\w-]+$/)
  t.not(one, two)
  t.equal(eventMessage('whk_1', { ...event, json: '{"a":1}' }).messageId, one)
})

t.test('[WH11] text written by others is only text for Slack', async t => {
  for (const [text, shown] of [
    [
      '<!channel> & <@U123> <https://evil.example|bank>',
      '&lt;!channel&gt; &amp; &lt;@U123&gt; &lt;https://evil.example|bank&gt;',
    ],
    ['&lt;already&gt;', '&amp;lt;already&amp;gt;'],
    ['two\nlines\r\nand\u2028more', 'two lines and more'],
    ['\u202eturned\u0000 \u001b[31mred', 'turned   [31mred'],
    ['  blanks  ', 'blanks'],
    ['', ''],
  ] as const) {
    t.equal(escaped(text), shown)
  }
  t.equal(escaped('&'.repeat(50), 10), `${'&amp;'.repeat(9)}…`, 'truncated before it is escaped')
  t.equal(escaped('😀😀😀', 4), '😀…', 'no partial character')
  const body = slack('command:failed', 'agents.build-1.commands.c', {
    agentId: '<!here>',
    input: 'echo <!channel>',
    error: { message: '<@U1> & co', code: 'x' },
    exitCode: 2,
  })
  t.match(body, { link_names: false, unfurl_links: false, unfurl_media: false })
  t.equal(body.text, '*&lt;!here&gt;* command failed\n> echo &lt;!channel&gt;\n> &lt;@U1&gt; &amp; co\n> exit code 2')
})

t.test('[WH11] each kind of event has a readable line', async t => {
  for (const [type, topic, payload, text] of [
    ['command:timed_out', 'agents.a.commands.c', { agentId: 'a', input: { x: 1 } }, '*a* command timed out\n> {"x":1}'],
    ['task:failed', 'tasks.t.status', { title: 'Build', error: 'no disk' }, 'task failed\n> Build\n> no disk'],
    [
      'interaction:requested',
      'agents.a.interactions.i',
      { agentId: 'a', title: 'Delete?' },
      '*a* question requested\n> Delete?',
    ],
    ['agent:status', 'agents.a.status', { agentId: 'a', status: 'offline', detail: 'gone' }, '*a* is offline\n> gone'],
    ['agent:lifecycle', 'agents.a.log', { agentId: 'a', lifecycle: 'crashed' }, '*a* agent lifecycle\n> crashed'],
    ['notification:created', 'users.u.inbox', { title: 'a: Delete?', message: 'm' }, 'a: Delete?\n> m'],
    ['message:end', 'agents.a.sessions.s.messages', { text: 'Hello' }, '*a* message:end\n> Hello'],
    ['custom:deploy', 'tasks.t.events', 'just text', 'custom:deploy'],
    ['custom:deploy', 'tasks.t.events', null, 'custom:deploy'],
    ['webhook:test', 'webhooks.w', { message: 'It works.' }, '*Fleetwire* reaches this channel\n> It works.'],
    ['webhook:gap', 'webhooks.w', { message: 'Gone.' }, '*Fleetwire* could not send some events\n> Gone.'],
  ] as const) {
    t.equal(slack(type, topic, payload).text, text, type)
  }
})
