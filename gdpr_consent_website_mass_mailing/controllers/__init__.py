from . import newsletter
