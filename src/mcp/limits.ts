/** What bounds one MCP client. Documented in docs/mcp.md. */
export const limits = {
  /** Characters of text that one answer carries: a model pays for each, and clients cut what is longer by themselves. */
  textChars: 20_000,
  /** Seconds that `send_command` and `wait_command` wait where nothing is said: below the 60 s that clients wait. */
  waitSeconds: 30,
  maxWaitSeconds: 300,
  /** While something is waited for, a client that asked for progress hears again what it knows after this time. */
  progressMs: 4500,
  /** A wait asks again this often, in case that an event did not reach it. */
  lookAgainMs: 5000,
  /** Resources that one client may subscribe to at a time. */
  subscriptions: 32,
  /** Changes of a resource within this time are told as one. */
  updateMs: 200,
  /** Agents, and sessions, that `resources/list` names; `list_agents` and `list_sessions` page through all. */
  listed: 200,
  /** A subscription over HTTP is kept this long after it was last used. */
  sessionMs: 30 * 86_400_000,
  /** A call of the bridge is tried again for this long while the server cannot be reached. */
  retryMs: 20_000,
} as const
