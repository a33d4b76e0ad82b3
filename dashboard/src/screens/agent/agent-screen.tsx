import { Page } from '../../ui/page.tsx'

export function AgentScreen() {
  return <Page title="Agent">{null}</Page>
}
