import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/app.tsx'
import { makeRouter } from './app/router.tsx'
import { startSession } from './app/session.ts'
import { startTheme } from './app/theme.ts'
import { listenToKeys } from './keys/shortcuts.ts'
import './styles/main.css'

startTheme()
listenToKeys()
void startSession()
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App router={makeRouter()} />
  </StrictMode>,
)
