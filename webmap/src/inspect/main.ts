/** The phone page's entry. No MapLibre here: the page must open fast on an old phone and a bad network. */
import '../tokens.css';
import '../extra.css';
import '../base.css';
import './phone.css';
import './sign-in.css';
import { lang, setLanguage } from '../i18n';
import { startTheme } from '../ui/theme';
import './app';

startTheme();
setLanguage(lang());
