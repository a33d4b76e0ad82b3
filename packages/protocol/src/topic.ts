/**
 * Topics are dot-separated names. In a pattern, `*` matches one token, and a final `>` matches one or more. Names that
 * start with `$` are reserved for the server: no pattern matches them, and no client may use them.
 */

/** The topics of each kind of event. Ids are inserted as they are, so callers must validate them first. */
export const topics = {
  agentStatus: (agentId: string) => `agents.${agentId}.status`,
  agentMetrics: (agentId: string) => `agents.${agentId}.metrics`,
  agentSummary: (agentId: string) => `agents.${agentId}.summary`,
  agentLog: (agentId: string) => `agents.${agentId}.log`,
  command: (agentId: string, commandId: string) => `agents.${agentId}.commands.${commandId}`,
  interaction: (agentId: string, interactionId: string) => `agents.${agentId}.interactions.${interactionId}`,
  sessionStatus: (agentId: string, sessionId: string) => `agents.${agentId}.sessions.${sessionId}.status`,
  sessionMessages: (agentId: string, sessionId: string) => `agents.${agentId}.sessions.${sessionId}.messages`,
  taskStatus: (taskId: string) => `tasks.${taskId}.status`,
  taskEvents: (taskId: string) => `tasks.${taskId}.events`,
  userInbox: (userKey: string) => `users.${userKey}.inbox`,
  connections: 'system.connections',
  audit: 'system.audit',
} as const

/** Determines how events on a topic may be thinned out for a slow consumer. */
export type TopicKind = 'record' | 'latest' | 'stream'

export function topicKind(topic: string): TopicKind {
  const tokens = topic.split('.')
  const last = tokens[tokens.length - 1]
  if (last === 'status' || (tokens.length === 4 && (tokens[2] === 'commands' || tokens[2] === 'interactions')))
    return 'record'
  return tokens.length === 3 && (last === 'metrics' || last === 'summary') ? 'latest' : 'stream'
}

/** The entity whose state a record topic holds; undefined for other topics. */
export type RecordKind = 'agent' | 'command' | 'interaction' | 'session' | 'task'

export function recordKind(topic: string): RecordKind | undefined {
  const tokens = topic.split('.')
  if (tokens[0] === 'tasks') return tokens.length === 3 && tokens[2] === 'status' ? 'task' : undefined
  if (tokens[0] !== 'agents') return undefined
  if (tokens.length === 3) return tokens[2] === 'status' ? 'agent' : undefined
  if (tokens.length === 4)
    return tokens[2] === 'commands' ? 'command' : tokens[2] === 'interactions' ? 'interaction' : undefined
  return tokens.length === 5 && tokens[2] === 'sessions' && tokens[4] === 'status' ? 'session' : undefined
}

const TOKEN = /^[A-Za-z0-9_-]{1,64}$/
const MAX_TOKENS = 8

/** Whether a client may use this topic or pattern: every token is an id, `*`, or a final `>`. */
export function isPattern(value: string): boolean {
  const tokens = value.split('.')
  if (tokens.length > MAX_TOKENS) return false
  return tokens.every((token, i) => TOKEN.test(token) || token === '*' || (token === '>' && i === tokens.length - 1))
}

export function isTopic(value: string): boolean {
  return isPattern(value) && !isWildcard(value)
}

export function isWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('>')
}

/** Whether `pattern` matches `topic`, which has no wildcards. */
export function matchTopic(pattern: string, topic: string): boolean {
  if (topic.startsWith('$')) return false
  if (pattern === topic || pattern === '>') return true
  if (!isWildcard(pattern)) return false
  const want = pattern.split('.')
  const have = topic.split('.')
  for (let i = 0; i < want.length; i++) {
    if (want[i] === '>') return have.length > i
    if (i >= have.length || (want[i] !== '*' && want[i] !== have[i])) return false
  }
  return want.length === have.length
}

/**
 * Whether a subscriber of `pattern` receives an event on `topic` that concerns `taskId`: the pattern matches either the
 * topic itself or, if it ends with `>`, `tasks.<taskId>.<topic>`.
 */
export function matchEvent(pattern: string, event: { topic: string; taskId?: string | undefined }): boolean {
  if (matchTopic(pattern, event.topic)) return true
  if (event.taskId === undefined || event.topic.startsWith('$')) return false
  return pattern.endsWith('>') && matchTopic(pattern, `tasks.${event.taskId}.${event.topic}`)
}
