"""Memory asked for before it is read, in functions that numba compiles."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LINE = 64  # bytes that come at once


@intrinsic
def prefetch(typing_context: Any, values: Any, index: Any) -> Any:
    """Ask for the bytes around ``values[index]``, for a tuple of whole numbers within the array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, arguments[0])
        index = cgutils.unpack_tuple(builder, arguments[1])
        place = cgutils.get_item_pointer(context, builder, kind, array, index)
        number = ir.IntType(32)
        pointer = ir.PointerType(ir.IntType(8))
        call = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [pointer, number, number, number]),
            "llvm.prefetch.p0i8",
        )
        # To be read, often, and data.
        what = [ir.Constant(number, value) for value in (0, 3, 1)]
        builder.call(call, [builder.bitcast(place, pointer), *what])
        return context.get_dummy_value()

    return types.void(values, index), generate
