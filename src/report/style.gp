# How all figures look. Colours are those of Okabe and Ito, which the colour-blind tell apart; every line has a point and
# a dash of its own, so that it can be told in grey, too.
reset
set encoding utf8
set datafile separator "\t"
set datafile missing 'NaN'
width_cm = 15.0
height_cm = 9.4
font = 'sans-serif'
font_pt = 7
set linetype 1 lc rgb '#0072B2' lw 1.6 dt 1 pt 7 ps 0.8
set linetype 2 lc rgb '#D55E00' lw 1.6 dt 2 pt 5 ps 0.75
set linetype 3 lc rgb '#009E73' lw 1.6 dt 4 pt 9 ps 0.9
set linetype 4 lc rgb '#CC79A7' lw 1.6 dt 3 pt 13 ps 0.9
set linetype 5 lc rgb '#E69F00' lw 1.6 dt 5 pt 6 ps 0.75
set linetype 6 lc rgb '#56B4E9' lw 1.6 dt '_ ' pt 4 ps 0.7
set linetype 7 lc rgb '#000000' lw 1.6 dt '. ' pt 8 ps 0.8
set linetype 8 lc rgb '#777777' lw 1.6 dt '_.' pt 12 ps 0.9
set linetype cycle 8
set errorbars 0.6
set pointintervalbox 0.01 # the bar goes on to its point; 0 would mean the default
set border 3 lc rgb '#444444' lw 0.8
set tics nomirror out scale 0.6 textcolor rgb '#000000'
set grid y lc rgb '#D8D8D8' lw 0.6 dt 1
set xlabel offset 0,0.2
set key at screen 0.54,0.03 center bottom horizontal Left reverse samplen 3 spacing 1.2 width 2 noenhanced
set tmargin at screen 0.85
set bmargin at screen 0.2
title_font = sprintf('%s,%g', font, font_pt * 1.15)
key_font = sprintf('%s,%g', font, font_pt * 0.9)
note_font = sprintf('%s,%g', font, font_pt * 0.75)
watermark_font = sprintf('%s,%g', font, font_pt * 5.5)
px = width_cm * 48
py = height_cm * 48
# The terminals count in other points: pixels of a page, and points of paper.
set terminal svg size px,py dynamic font sprintf('%s,%g', font, font_pt) fontscale 1.8 noenhanced background '#FFFFFF'
set output name.'.svg'
