import { type Theme, usePreferences } from '../../app/preferences.ts'
import { leave } from '../../app/session.ts'
import { Button } from '../../ui/button.tsx'
import { Checkbox } from '../../ui/checkbox.tsx'
import { Section } from '../../ui/section.tsx'
import { Select } from '../../ui/select.tsx'

const themes: readonly { value: Theme; label: string }[] = [
  { value: 'system', label: 'Same as the system' },
  { value: 'dark', label: 'Dark' },
  { value: 'light', label: 'Light' },
]

/** Settings that are stored only in this browser. */
export function ThisBrowser() {
  const { theme, desktopNotifications, notifyDone, screenReaderTerminal, set } = usePreferences()
  const canNotify = isSecureContext && 'Notification' in window
  const wantDesktop = async (wanted: boolean) => {
    const allowed = !wanted || (await Notification.requestPermission()) === 'granted'
    set({ desktopNotifications: wanted && allowed })
  }
  return (
    <div className="flex flex-col gap-6 overflow-auto p-5">
      <Section title="Appearance">
        <Select label="Theme" prefix="Theme" value={theme} choices={themes} onChange={value => set({ theme: value })} />
      </Section>
      <Section title="Notify me">
        <div className="flex flex-col gap-2">
          <Checkbox
            checked={notifyDone}
            label="When a command is done"
            onChange={checked => set({ notifyDone: checked })}
          />
          {canNotify ? (
            <Checkbox
              checked={desktopNotifications}
              label="On the desktop too, while this page is in the background"
              onChange={checked => void wantDesktop(checked)}
            />
          ) : (
            <p className="text-text3">On the desktop: browsers allow this only over TLS or on localhost.</p>
          )}
        </div>
      </Section>
      <Section title="Terminal">
        <Checkbox
          checked={screenReaderTerminal}
          label="Announce terminal output to screen readers"
          onChange={checked => set({ screenReaderTerminal: checked })}
        />
      </Section>
      <Section title="This tab">
        <Button onClick={() => leave()}>Log out</Button>
      </Section>
    </div>
  )
}
