export const demoAgents = [
  {
    agentId: 'test-runner',
    name: 'Test runner',
    says: 'runs the tests of a small project in a terminal; a real bug makes some runs fail',
    labels: { team: 'build', runs: 'shell' },
  },
  {
    agentId: 'explainer',
    name: 'Explainer',
    says: 'answers questions about that project, word by word (from templates: there is no model)',
    labels: { team: 'docs', runs: 'prompt' },
  },
  {
    agentId: 'cleaner',
    name: 'Cleaner',
    says: 'makes folders, and asks you before it deletes one',
    labels: { team: 'ops', runs: 'prompt' },
  },
  {
    agentId: 'link-checker',
    name: 'Link checker',
    says: 'calls a service that is down now and then: what fails is retried',
    labels: { team: 'ops', runs: 'prompt' },
  },
  {
    agentId: 'archivist',
    name: 'Archivist',
    says: 'copies a library of 2,400 files and compares every one: progress, a task with subtasks',
    labels: { team: 'build', runs: 'prompt' },
  },
  {
    agentId: 'repl',
    name: 'Node prompt',
    says: 'a Node.js prompt that waits for you: type into its terminal',
    labels: { team: 'docs', runs: 'shell' },
  },
] as const

export type DemoAgentId = (typeof demoAgents)[number]['agentId']
