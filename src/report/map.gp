# How maps look: from white to dark blue, darker the more, also in grey and for the colour-blind; the numbers stand in the fields.
set palette defined (0 '#FFFFFF', 0.25 '#C6DBEF', 0.5 '#6BAED6', 0.75 '#2171B5', 1 '#08306B')
ink(v) = is_dark(v) ? 0xFFFFFF : 0x000000
unknown(value) = value eq '–' ? value : ''
field(value, interval) = strlen(interval) > 3 ? value."\n".interval : value
field_font = sprintf('%s,%g', font, font_pt * 0.95)
unset grid
unset key
unset border
set tics scale 0
set xlabel offset 0,-0.9
set ytics font key_font
set label 904 at screen 0.018,0.53 center rotate noenhanced
set colorbox user origin screen 0.86, screen 0.25 size screen 0.02, screen 0.55
set cbtics out scale 0.3 font key_font
set lmargin at screen 0.26
set rmargin at screen 0.83
set bmargin at screen 0.22
# what is filled would hide it
set label 903 front tc rgb '#B0606060'
