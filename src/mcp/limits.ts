/** The limits of one MCP client. Documented in docs/mcp.md. */
export const limits = {
  /** Characters of text per result: a model pays for each one, and clients truncate longer results on their own. */
  textChars: 20_000,
  /** Default wait of `send_command` and `wait_command`, seconds: less than the 60 s that clients wait. */
  waitSeconds: 30,
  maxWaitSeconds: 300,
  /** During a wait, a client that asked for progress gets the same message again after this time. */
  progressMs: 4500,
  /** A wait polls this often, in case an event did not reach it. */
  lookAgainMs: 5000,
  /** Maximum number of resources that one client may be subscribed to. */
  subscriptions: 32,
  /** Changes of a resource within this time are reported as one. */
  updateMs: 200,
  /** Agents, and sessions, in `resources/list`; `list_agents` and `list_sessions` page through all of them. */
  listed: 200,
  /** A subscription over HTTP is kept for this long after its last use. */
  sessionMs: 30 * 86_400_000,
  /** The bridge retries a call for this long while the server cannot be reached. */
  retryMs: 20_000,
} as const
