// Property lists, read the same way on every platform; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

// Limits. A PushConfig.plist holds a few short strings; whatever is larger is not one, and must not make a phone allocate or
// recurse without end.
enum {
    AURPropertyListMaxSize = 64 << 10, // bytes
    AURPropertyListMaxDepth = 16,      // nested containers
    AURPropertyListMaxNodes = 4096,    // values visited, counted with repetition, so that shared objects cannot multiply
};

/// Reads a property list, XML in UTF-8 or binary, whose outermost value is a dictionary. Texts are NSString, whole numbers and
/// booleans NSNumber, nested dictionaries NSDictionary; everything else is only walked through, and NSNull stands for it. The
/// system's reader is not used because it is not the same on all systems: it takes the old NeXT form and keys that stand
/// twice on some, and does not come back from a file that contains itself on others.
/// @param problem what is wrong with the file, for a person; set when nil is returned
NSDictionary *_Nullable AURParsePropertyList(NSData *data, NSString *_Nullable *_Nonnull problem);

/// A boolean of a property list or of JSON, as opposed to a number.
BOOL AURIsBoolean(id _Nullable value);

NS_ASSUME_NONNULL_END
