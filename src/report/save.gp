# What was just drawn as NAME.svg (for the page) once more as NAME.pdf (paper) and NAME.png (slides).
set terminal pdfcairo size width_cm cm,height_cm cm font sprintf('%s,%g', font, font_pt) fontscale 1 noenhanced
set output name.'.pdf'
replot
set terminal pngcairo size px * 2,py * 2 font sprintf('%s,%g', font, font_pt) fontscale 2.9 linewidth 2.5 pointscale 2.5 noenhanced
set output name.'.png'
replot
set output
