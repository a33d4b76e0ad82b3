import t from 'tap'
import { isPattern, isTopic, isWildcard, matchEvent, matchTopic, recordKind, topicKind, topics } from './topic.ts'

const long = 'x'.repeat(64)

t.test('[TP1] [TP2] which topics and patterns are valid', async t => {
  const table: [name: string, pattern: boolean, topic: boolean][] = [
    ['agents', true, true],
    ['agents.a-1.status', true, true],
    ['1.2.3.4.5.6.7.8', true, true],
    ['1.2.3.4.5.6.7.8.9', false, false],
    [`agents.${long}.log`, true, true],
    [`agents.${long}x.log`, false, false],
    ['*', true, false],
    ['>', true, false],
    ['agents.*.status', true, false],
    ['agents.>', true, false],
    ['agents.>.status', false, false],
    ['>.>', false, false],
    ['agents.a*', false, false],
    ['agents.>x', false, false],
    ['', false, false],
    ['.', false, false],
    ['agents.', false, false],
    ['.agents', false, false],
    ['agents..status', false, false],
    ['agents.a b.status', false, false],
    ['agents.ä.status', false, false],
    ['agents.a\n.status', false, false],
    ['agents/a/status', false, false],
  ]
  for (const [name, pattern, topic] of table) {
    t.equal(isPattern(name), pattern, `"${name}" is ${pattern ? 'a' : 'no'} pattern`)
    t.equal(isTopic(name), topic, `"${name}" is ${topic ? 'a' : 'no'} topic`)
  }
})

t.test('[TP2] [TP3] which topics a pattern matches', async t => {
  const table: [pattern: string, topic: string, matches: boolean][] = [
    ['agents.a.status', 'agents.a.status', true],
    ['agents.a.status', 'agents.b.status', false],
    ['agents.a', 'agents.a.status', false],
    ['agents.a.status', 'agents.a', false],
    ['agents.*.status', 'agents.a.status', true],
    ['agents.*.status', 'agents.a.b.status', false],
    ['agents.*.status', 'agents.status', false],
    ['agents.*', 'agents.a', true],
    ['agents.*', 'agents', false],
    ['*.*', 'a.b', true],
    ['*', 'a.b', false],
    ['>', 'agents.a.status', true],
    ['>', 'a', true],
    ['agents.>', 'agents.a', true],
    ['agents.>', 'agents.a.sessions.s.messages', true],
    ['agents.>', 'agents', false],
    ['agents.*.>', 'agents.a', false],
    ['agents.*.>', 'agents.a.log', true],
    ['*.a.>', 'tasks.a.events', true],
    ['agents.A', 'agents.a', false],
  ]
  for (const [pattern, topic, matches] of table) {
    t.equal(matchTopic(pattern, topic), matches, `${pattern} ${matches ? 'stands' : 'does not stand'} for ${topic}`)
  }
})

t.test('[TP4] [PM8] nothing that starts with $ can be named or matched', async t => {
  for (const topic of ['$uplink.a', '$idempotency.a.k', '$']) {
    t.notOk(isPattern(topic), `${topic} is no pattern`)
    for (const pattern of ['>', '*', '*.*', '$uplink.>', '$uplink.a', topic]) {
      t.notOk(matchTopic(pattern, topic), `${pattern} does not stand for ${topic}`)
    }
    t.notOk(matchEvent('tasks.>', { topic, taskId: 't1' }), 'not by way of a task either')
  }
})

t.test('[TP5] an event that concerns a task is also under that task', async t => {
  const event = { topic: 'agents.a.commands.c', taskId: 't1' }
  const table: [pattern: string, matches: boolean][] = [
    ['tasks.t1.>', true],
    ['tasks.*.>', true],
    ['tasks.>', true],
    ['agents.a.>', true],
    ['>', true],
    ['tasks.t2.>', false],
    ['tasks.t1', false],
    ['tasks.t1.*', false],
    ['tasks.t1.status', false],
  ]
  for (const [pattern, matches] of table) t.equal(matchEvent(pattern, event), matches, pattern)
  t.notOk(matchEvent('tasks.t1.>', { topic: event.topic }), 'one that concerns none is not')
})

t.test('[TP6] which topics hold records, latest values and streams', async t => {
  const table: [topic: string, kind: string, record: string | undefined][] = [
    [topics.agentStatus('a'), 'record', 'agent'],
    [topics.agentMetrics('a'), 'latest', undefined],
    [topics.agentSummary('a'), 'latest', undefined],
    [topics.agentLog('a'), 'stream', undefined],
    [topics.command('a', 'c'), 'record', 'command'],
    [topics.interaction('a', 'i'), 'record', 'interaction'],
    [topics.sessionStatus('a', 's'), 'record', 'session'],
    [topics.sessionMessages('a', 's'), 'stream', undefined],
    [topics.taskStatus('t'), 'record', 'task'],
    [topics.taskEvents('t'), 'stream', undefined],
    [topics.userInbox('u'), 'stream', undefined],
    [topics.connections, 'stream', undefined],
    [topics.command('status', 'metrics'), 'record', 'command'],
    [topics.sessionMessages('metrics', 'status'), 'stream', undefined],
    [topics.agentLog('status'), 'stream', undefined],
  ]
  for (const [topic, kind, record] of table) {
    t.ok(isTopic(topic) && !isWildcard(topic), topic)
    t.equal(topicKind(topic), kind, `${topic} holds a ${kind}`)
    t.equal(recordKind(topic), record, `${topic} is of ${record ?? 'no entity'}`)
  }
})
