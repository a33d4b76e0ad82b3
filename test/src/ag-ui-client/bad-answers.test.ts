import t from 'tap'
import { type AgentTurn, called } from '../../helpers/ag-ui-agent.ts'
import { agUiBridge as bridge } from '../../helpers/ag-ui-bridge.ts'

// Many servers, which are slow on a busy machine.
t.setTimeout(120_000)

const broken: { what: string; script(turn: AgentTurn): unknown; error: object | RegExp; output?: string }[] = [
  {
    what: 'has no final event',
    script: turn => {
      turn.start()
      turn.say('m1', 'half')
      turn.end()
    },
    error: { code: 'no_end' },
    output: 'half',
  },
  { what: 'is empty', script: turn => turn.end(), error: { code: 'no_end' } },
  {
    what: 'is cut',
    script: turn => {
      turn.start()
      turn.say('m1', 'half')
      setImmediate(() => turn.cut())
    },
    error: { code: 'cut' },
  },
  { what: 'is cut before it begins', script: turn => turn.cut(), error: { code: 'unreachable', message: /hang up/ } },
  {
    what: 'is an error',
    script: turn => {
      turn.start()
      turn.send({ type: 'RUN_ERROR', message: 'no quota', code: 'quota' })
      turn.response.end()
    },
    error: { code: 'quota', message: 'no quota' },
  },
  {
    what: 'is only an error',
    script: turn => {
      turn.send({ type: 'RUN_ERROR', message: 'bad input' })
      turn.response.end()
    },
    error: { code: 'run_error', message: 'bad input' },
  },
  {
    what: 'breaks the rules',
    script: turn => {
      turn.start()
      turn.send({ type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta: 'x' })
    },
    error: { code: 'protocol_error', message: /No active text message/ },
  },
  {
    what: 'is not JSON',
    script: turn => {
      turn.start()
      turn.response.write('data: {oops\n\n')
    },
    error: { code: 'protocol_error', message: /JSON/ },
  },
  {
    what: 'is JSON null',
    script: turn => {
      turn.start()
      turn.response.write('data: null\n\n')
    },
    error: { code: 'protocol_error' },
  },
  {
    what: 'is an HTML page',
    script: turn => turn.response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hi</h1>'),
    error: { code: 'not_ag_ui', message: /text\/html.*address of an AG-UI agent/ },
  },
  {
    what: 'is a refusal',
    script: turn => turn.response.writeHead(401).end('{"detail":"no key"}'),
    error: { code: 'http_401', message: /HTTP 401.*no key/ },
  },
  {
    what: 'is a long refusal',
    script: turn => turn.response.writeHead(500).end('x'.repeat(300_000)),
    error: { code: 'http_500', message: /^.{1,600}$/ },
  },
  { what: 'is nothing', script: turn => turn.response.writeHead(204).end(), error: { code: 'http_204' } },
  {
    what: 'is compressed',
    script: turn => turn.response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    error: { code: 'not_ag_ui', message: /gzip, which was not requested/ },
  },
  {
    what: 'redirects elsewhere',
    script: turn => turn.response.writeHead(307, { location: '/run/' }).end(),
    error: { code: 'http_307', message: /redirects to http:.*\/run\/: use that address/ },
  },
]
t.test('a run with a broken response fails, and the next one works', async t => {
  // Each of these fails, and the one after it works.
  const { prompt } = await bridge(t, (turn, n) => {
    if (n % 2 === 1) return broken[(n - 1) / 2]!.script(turn)
    turn.start()
    turn.finish()
    return undefined
  })
  for (const { what, error, output } of broken) {
    const command = await prompt('hi', { sessionId: 's1' })
    t.match(
      command,
      { status: 'failed', error, ...(output !== undefined && { output }) },
      `a response that ${what} fails the run`,
    )
    t.match(await prompt('again', { sessionId: 's1' }), { status: 'succeeded' })
  }
})

t.test('no listener, a silent server and an empty response are reported as failures with the reason', async t => {
  const limits = { answerMs: 300, idleMs: 300, maxBytes: 1e6 }
  const { prompt } = await bridge(
    t,
    (turn, n) => {
      if (n === 1) turn.start()
    },
    { limits },
  )
  t.match(await prompt('hi'), { status: 'failed', error: { code: 'silent', message: /nothing for 0\.3 s/ } })
  t.match(await prompt('hi'), {
    status: 'failed',
    error: { code: 'no_answer', message: /did not answer within 0\.3 s/ },
  })
  const gone = await bridge(t, () => {}, { url: 'http://user:secret@127.0.0.1:1/run?key=secret' })
  const command = await gone.prompt('hi')
  t.match(command, {
    status: 'failed',
    error: { code: 'unreachable', message: /Cannot connect to http:\/\/127\.0\.0\.1:1\/run: / },
  })
  t.notMatch(JSON.stringify(command), 'secret')
})

t.test('an endless response ends at a limit, and its connection is closed', async t => {
  const { prompt, agent } = await bridge(
    t,
    async turn => {
      turn.start()
      turn.send({ type: 'TEXT_MESSAGE_START', messageId: 'm' })
      const more = () => {
        if (turn.response.destroyed) return
        turn.send({ type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta: 'x'.repeat(1000) })
        setImmediate(more)
      }
      more()
    },
    { limits: { answerMs: 20_000, idleMs: 20_000, maxBytes: 100_000 } },
  )
  t.match(await prompt('go'), { status: 'failed', error: { code: 'too_long', message: /longer than 100000 bytes/ } })
  await agent.turns[0]!.closed
})

t.test('a long response in small pieces, and oversized results and states, do not stop a run', async t => {
  const pieces = 10_000
  const { prompt, transcript, log } = await bridge(t, async turn => {
    turn.start()
    turn.send({ type: 'STATE_SNAPSHOT', snapshot: { big: 'x'.repeat(300_000) } })
    turn.send(...called('k1', 'cat', {}))
    turn.send({ type: 'TOOL_CALL_RESULT', messageId: 'r', toolCallId: 'k1', content: 'y'.repeat(400_000) })
    turn.send({ type: 'TEXT_MESSAGE_START', messageId: 'm' })
    for (let i = 0; i < pieces; i++) turn.send({ type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta: `${i} ` })
    turn.send({ type: 'TEXT_MESSAGE_END', messageId: 'm' })
    turn.finish({ result: 'ok' })
  })
  t.match(await prompt('go', { sessionId: 's1' }), { status: 'succeeded', output: 'ok' })
  const [call, message] = await transcript('s1')
  t.match(call, { kind: 'tool', result: /characters cut: over the frame limit/ })
  const text = Array.from({ length: pieces }, (_, i) => `${i} `).join('')
  t.equal(message?.kind === 'message' && message.text === text, true)
  t.equal(await log.get('$state.a1.s1'), undefined)
})
