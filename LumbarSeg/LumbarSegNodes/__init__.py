"""Between the library's arrays and Slicer's nodes: volumes, segments, tables, subject hierarchy, views.

Beside `LumbarSeg.py`, the only code that imports slicer or vtk. Every function
takes the scene from the node that it is given.
"""

from __future__ import annotations
