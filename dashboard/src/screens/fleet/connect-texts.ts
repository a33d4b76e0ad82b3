export interface Start {
  /** The URL of the server, without a trailing slash. */
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

/** Why a text is not a valid agent id; undefined if it is. */
export function idProblem(id: string): string | undefined {
  if (id === '') return 'Enter an id first.'
  return /^[A-Za-z0-9_-]{1,64}$/.test(id) ? undefined : 'Letters, digits, - and _ only, at most 64.'
}
