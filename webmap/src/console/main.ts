/** The console's entry: palette, language, the one element of the page. */
import '../tokens.css';
import '../extra.css';
import '../base.css';
import './console.css';
import { lang, setLanguage } from '../i18n';
import { startTheme } from '../ui/theme';
import './app';

startTheme();
setLanguage(lang());
