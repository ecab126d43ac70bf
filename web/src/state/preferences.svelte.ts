/** What this browser remembers about how the app looks. Nothing here is secret. */
import { isLanguage, preferred, speak, type Language } from '../i18n/index.svelte';

export type Theme = 'system' | 'light' | 'dark';

function kept(key: string): string | null {
  try {
    return localStorage.getItem(`dunlin.${key}`);
  } catch {
    return null; // A browser that keeps nothing still shows messages.
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`dunlin.${key}`, value);
  } catch {
    // As above.
  }
}

export class Preferences {
  theme = $state<Theme>('system');
  language = $state<Language>('en');
  notifications = $state(false);
  showTexts = $state(true);
  enterSends = $state(true);

  async start(): Promise<void> {
    const theme = kept('theme');
    this.setTheme(theme === 'light' || theme === 'dark' ? theme : 'system');
    const language = kept('language') ?? '';
    this.language = isLanguage(language) ? language : preferred(navigator.languages);
    this.notifications = kept('notifications') === 'yes';
    this.showTexts = kept('showTexts') !== 'no';
    this.enterSends = kept('enterSends') !== 'no';
    await speak(this.language);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    keep('theme', theme);
  }

  async setLanguage(language: Language): Promise<void> {
    this.language = language;
    keep('language', language);
    await speak(language);
  }

  setNotifications(on: boolean): void {
    this.notifications = on;
    keep('notifications', on ? 'yes' : 'no');
  }

  setShowTexts(on: boolean): void {
    this.showTexts = on;
    keep('showTexts', on ? 'yes' : 'no');
  }

  setEnterSends(on: boolean): void {
    this.enterSends = on;
    keep('enterSends', on ? 'yes' : 'no');
  }
}
