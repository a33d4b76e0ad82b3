/**
 * What `fleetwire --help` shows for each command, in this order. Kept apart from the commands, so that the list can be
 * shown without loading them.
 */
export const summaries = {
  serve: { usage: 'serve [options]', says: 'Run the server' },
  demo: { usage: 'demo [options]', says: 'Run a server and six working agents to explore; nothing is kept' },
  cluster: {
    usage: 'cluster [options]',
    says: 'Run three nodes, three NATS servers and a balancer on this machine, to see a failover',
  },
  token: { usage: 'token [options]', says: 'Mint a token; it is printed once and stored nowhere' },
  'login-link': {
    usage: 'login-link [options]',
    says: 'Print a link that logs a browser in, once, with the rights of your token',
  },
  agent: { usage: 'agent', says: 'Run an agent on this machine' },
  ps: { usage: 'ps [options]', says: 'Show the agents: who is online, working, waiting or gone' },
  send: { usage: 'send [options] <agentId> <input...>', says: 'Submit a command to an agent' },
  interrupt: {
    usage: 'interrupt [options] <commandId>',
    says: 'Stop a command; what is queued behind it runs next',
  },
  tail: {
    usage: 'tail [options] [pattern]',
    says: 'Follow what happens, as it happens: events and the output of running commands',
  },
  attach: {
    usage: 'attach <agentId> [terminalId]',
    says: 'Attach to the terminal of an agent: see it and type into it; Ctrl-] leaves it running',
  },
  mcp: {
    usage: 'mcp [options]',
    says: 'Let an MCP client work with the fleet: list agents, send commands, answer requests',
  },
  report: {
    usage: 'report',
    says: 'Inside a program that agent wrap runs: report its status, tool calls and usage, and ask people',
  },
  hooks: { usage: 'hooks', says: 'Print the settings that connect the hooks of a program, such as Claude Code' },
  backup: {
    usage: 'backup [options] <folder>',
    says: 'Copy the log and the secret into a new folder, while the server runs or not',
  },
} as const

export type CommandName = keyof typeof summaries

export const isCommandName = (text: string): text is CommandName => Object.hasOwn(summaries, text)
