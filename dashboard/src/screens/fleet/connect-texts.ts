export interface Start {
  /** The server, without a slash at the end. */
  url: string
  token: string
  id: string
}

export const execCommand = ({ url, token, id }: Start): string =>
  `FLEETWIRE_URL=${url} FLEETWIRE_TOKEN=${token} npx fleetwire agent exec --id ${id}`

export const sdkSnippet = ({ url, token, id }: Start): string => `import { AgentClient } from '@fleetwire/client/node'

const agent = new AgentClient({
  url: '${url}',
  token: '${token}',
  name: '${id}',
  handlers: {
    async prompt(run) {
      const message = run.message()
      message.append(\`You said: \${run.input}\`)
      message.end()
      return { status: 'succeeded' }
    },
  },
})
await agent.start()`

/** Why it can be no agent's id; undefined if it can. */
export function idProblem(id: string): string | undefined {
  if (id === '') return 'Type an id first.'
  return /^[A-Za-z0-9_-]{1,64}$/.test(id) ? undefined : 'Letters, digits, - and _ only, at most 64.'
}
