import { Page } from '../../ui/page.tsx'

export function TasksScreen() {
  return <Page title="Tasks">{null}</Page>
}
